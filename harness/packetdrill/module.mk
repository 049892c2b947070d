$(call declare,library,packetdrill,pkd.c pkd_client.c pkd_clock.c pkd_config.c pkd_control.c \
	pkd_error.c pkd_file.c pkd_info.c pkd_io.c pkd_option.c pkd_poll.c pkd_preload.c pkd_setting.c)
$(call declare,shared,libvsq-packetdrill.so.0,libvsq-packetdrill.map,packetdrill stack tcp wire \
	mgmt base host,-lpthread -ldl)
$(call declare,library,packetdrill_client,pkd_client.c)
$(call declare,tool,packetdrill_shim,shim.c,packetdrill_client)

# The library puts this folder, which lies beside it, first in the PATH of a script's shell lines.
packetdrill_shims := $(addprefix $(B)/lib/vsq-packetdrill/,ip sysctl tc)
$(packetdrill_shims): $(B)/tool/packetdrill_shim
	@mkdir -p $(@D)
	@cp $< $@
all: $(packetdrill_shims)

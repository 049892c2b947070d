# The vsq command: a Python program that finds its package from where it stands.
$(call declare,man,vsq.1)
all: $(B)/bin/vsq
$(B)/bin/vsq: harness/vsq/vsq
	$(call say,LN,$@)
	@mkdir -p $(@D)
	$(Q)ln -sf $(abspath $<) $@

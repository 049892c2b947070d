$(call declare,library,lab,app.c app_ping.c app_tcp.c app_tcp_bulk.c app_tcp_echo.c app_tcp_rr.c \
	app_udp_cbr.c cable.c capture.c command.c config.c digest.c expect.c flow.c histogram.c lab.c \
	metric.c node.c number.c probe.c series.c)
$(call declare,header,vsq.h)
ifneq ($(wildcard core/switch/module.mk),)
$(call declare,shared,libvsq.so.0,libvsq.map,lab oracle sim pcap_file switch link mgmt stack tcp wire base memory,-lpcap -lm)
endif

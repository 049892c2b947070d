$(call declare,library,lab,app.c app_ping.c app_tcp.c app_tcp_bulk.c app_tcp_echo.c \
	app_tcp_exchange.c app_tcp_peer.c app_tcp_rr.c app_udp_cbr.c cable.c capture.c command.c \
	config.c digest.c digest_avx2.c digest_avx512.c digest_hash.c expect.c flow.c histogram.c \
	lab.c metric.c node.c number.c peer.c peer_act.c peer_tcp.c probe.c series.c)
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
$(B)/obj/harness/lab/digest_avx2.o: override CFLAGS += -mavx2
$(B)/obj/harness/lab/digest_avx512.o: override CFLAGS += -mavx512f
endif
$(call declare,header,vsq.h)
$(call declare,unit,values_test.c,lab base host,-lm)
lab_libs := lab oracle sim pcap_file switch link mgmt stack tcp wire base host
$(call declare,shared,libvsq.so.0,libvsq.map,$(lab_libs) replay,-lpcap -lm)
$(call declare,unit,lab_test.c,$(lab_libs),-lpcap -lm -lpthread)
$(call declare,unit,app_test.c,$(lab_libs),-lpcap -lm)
$(call declare,unit,peer_test.c,$(lab_libs),-lpcap -lm)
$(call declare,unit,capture_test.c,$(lab_libs),-lpcap -lm)
$(call declare,unit,scale_test.c,$(lab_libs),-lpcap -lm)
$(call declare,fuzz,lab_fuzz.c,$(lab_libs),-lm)

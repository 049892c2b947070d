$(call declare,library,tcp,tcp_ack.c tcp_cubic.c tcp_error.c tcp_hystart.c tcp_input.c tcp_listen.c \
	tcp_options.c tcp_output.c tcp_pcb.c tcp_port.c tcp_rack.c tcp_rcvbuf.c tcp_recovery.c tcp_reno.c tcp_rtt.c tcp_sack.c \
	tcp_sent.c tcp_settings.c tcp_sndbuf.c tcp_socket.c tcp_sockopt.c tcp_timer.c)
$(call declare,pure,tcp)
$(call declare,library,tcp_fake,tcp_fake.c)
$(call declare,unit,tcp_test.c,tcp tcp_fake wire base host)
$(call declare,unit,tcp_random_test.c,tcp tcp_fake wire base host)
$(call declare,unit,tcp_timer_test.c,tcp tcp_fake wire base host)
$(call declare,unit,tcp_recovery_test.c,tcp tcp_fake wire base host)
$(call declare,unit,tcp_state_test.c,tcp tcp_fake wire base host)
$(call declare,unit,tcp_cubic_test.c,tcp tcp_fake wire base host,-lm)
$(call declare,fuzz,tcp_fuzz.c,tcp tcp_fake wire base host)
$(call declare,unit,tcp_rack_test.c,tcp tcp_fake wire base host)
$(call declare,unit,tcp_sndbuf_test.c,tcp tcp_fake wire base host)

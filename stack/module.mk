$(call declare,library,stack,stk.c stk_settings.c \
	ip/ip_forward.c ip/ip_fragment.c ip/ip_if.c ip/ip_input.c ip/ip_options.c ip/ip_output.c ip/ip_pmtu.c \
	ip/ip_reasm.c ip/ip_redirect.c ip/ip_route.c ip/ip_source.c \
	group/group.c group/group_message.c group/group_report.c group/group_socket.c \
	config/ra.c config/slaac.c neigh/arp.c neigh/dad.c neigh/nd.c neigh/neigh.c icmp/icmp.c icmp/icmp_error.c icmp/icmp_redirect.c icmp/ping.c \
	socket/dgram.c socket/errors.c socket/socket.c udp/udp.c)
$(call declare,pure,stack)
$(call declare,unit,icmp/icmp_test.c,stack wire base host)
$(call declare,unit,group/group_test.c,stack wire base host)
$(call declare,unit,group/group_socket_test.c,stack wire base host)
$(call declare,unit,stk_test.c,stack tcp wire base host)
$(call declare,unit,neigh/neigh_test.c,stack wire base host)
$(call declare,unit,neigh/dad_test.c,stack wire base host)
$(call declare,unit,config/ra_test.c,stack wire base host)
$(call declare,unit,udp/udp_test.c,stack wire base host)
$(call declare,unit,udp/udp_msg_test.c,stack wire base host)
$(call declare,unit,ip/ip_reasm_test.c,stack wire base host)
$(call declare,unit,ip/ip_test.c,stack wire base host)
$(call declare,unit,ip/ip_source_test.c,stack wire base host)
$(call declare,unit,ip/ip_header_test.c,stack wire base host)
$(call declare,unit,ip/ip_redirect_test.c,stack wire base host)
$(call declare,library,netif,netif/netif.c netif/netif_tap.c netif/netif_vde.c)
$(call declare,tool,stk_host,netif/host.c netif/host_group.c netif/host_http.c netif/host_iperf3.c netif/host_iperf3_udp.c \
	netif/host_ping.c netif/host_stream.c,netif stack tcp link mgmt vdeplug wire host base)
$(call declare,fuzz,stk_fuzz.c,stack tcp wire base host)

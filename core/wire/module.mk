$(call declare,library,wire,addr.c arp.c bpdu.c cksum.c eth.c icmp.c ip.c nd.c \
	print.c print_bpdu.c print_icmp.c tcp.c udp.c)
$(call declare,pure,wire)
$(call declare,unit,cksum_test.c,wire base host)
$(call declare,unit,addr_test.c,wire base host)
$(call declare,unit,eth_test.c,wire base host)
$(call declare,unit,icmp_test.c,wire base host)
$(call declare,unit,ip_test.c,wire base host)
$(call declare,unit,tcp_test.c,wire base host)

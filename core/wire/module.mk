$(call declare,library,wire,addr.c arp.c bpdu.c cksum.c eth.c icmp.c ip.c nd.c tcp.c udp.c)
$(call declare,pure,wire)
$(call declare,unit,cksum_test.c,wire base host)

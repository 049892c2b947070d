$(call declare,library,lwipv6,lwip_stack.c lwip_net.c lwip_fd.c lwip_addr.c lwip_socket.c lwip_io.c lwip_option.c \
	lwip_poll.c lwip_event.c)
$(call declare,shared,liblwipv6.so.2,liblwipv6.map,lwipv6 netif stack tcp link mgmt vdeplug wire host base,-lpthread)
$(call declare,header,lwipv6.h)
$(call declare,pkgconfig,lwipv6.pc.in)
mans += stack/lwip/lwipv6.3

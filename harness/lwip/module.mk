$(call declare,tool,lwip_check,lwip_check.c,lwipv6 netif stack tcp link mgmt vdeplug wire host base,-lpthread)

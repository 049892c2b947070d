$(call declare,tool,link_taps,link_taps.c,link mgmt wire host base)

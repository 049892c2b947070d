$(call declare,tool,wire_print,wire_print.c,pcap_file wire base host,-lpcap)

# Who links pcap_file needs -lpcap.
$(call declare,library,pcap_file,cook.c read.c write.c)
$(call declare,unit,pcap_test.c,pcap_file wire base host,-lpcap)
$(call declare,tool,cap_copy,cap_copy.c,pcap_file wire base host,-lpcap)

$(call declare,library,pcap_file,write.c)

# Who links replay needs -lpcap.
$(call declare,library,replay,compare.c engine.c host.c host_app.c host_differ.c host_play.c load.c packet.c story.c story_tcp.c)
$(call declare,unit,replay_test.c,replay pcap_file stack tcp switch link mgmt wire base host,-lpcap)

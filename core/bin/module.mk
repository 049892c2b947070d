$(call declare,program,vde_plug,vde_plug.c cable.c iplog.c,vdeplug host base)
$(call declare,program,vde_plug2tap,vde_plug2tap.c cable.c,vdeplug host base)
$(call declare,program,dpipe,dpipe.c,host base)
$(call declare,program,vde_switch,vde_switch.c switch_guests.c switch_options.c switch_ports.c,switch mgmt wire host base)

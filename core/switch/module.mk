$(call declare,library,switch,fdb.c port.c vlan.c vsw.c vsw_mgmt.c vsw_mgmt_port.c vsw_mgmt_vlan.c)
$(call declare,pure,switch)
$(call declare,unit,vsw_test.c,switch mgmt wire host base)

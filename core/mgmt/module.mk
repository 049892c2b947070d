$(call declare,library,mgmt,error.c mgmt.c own.c reply.c session.c)
$(call declare,pure,mgmt)
$(call declare,unit,mgmt_test.c,mgmt host base)
$(call declare,fuzz,mgmt_fuzz.c,mgmt host base)

$(call declare,library,sim,sim.c)
$(call declare,pure,sim)
$(call declare,unit,sim_test.c,sim base host)

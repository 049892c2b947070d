$(call declare,library,host,assert.c memory.c rt_posix.c tap.c)
$(call declare,unit,rt_posix_test.c,host base)

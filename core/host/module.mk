$(call declare,library,host,assert.c console.c dgram.c memory.c process.c rt_posix.c sock.c tap.c)
$(call declare,unit,rt_posix_test.c,host base)
$(call declare,unit,sock_test.c,host base)
$(call declare,unit,dgram_test.c,host base)

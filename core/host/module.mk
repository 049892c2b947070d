$(call declare,library,host,assert.c console.c dgram.c memory.c process.c rt_posix.c sock.c tap.c)
# What a library needs of the host and no more: where memory comes from, what a failed assertion does.
$(call declare,library,memory,assert.c memory.c)
$(call declare,unit,rt_posix_test.c,host base)

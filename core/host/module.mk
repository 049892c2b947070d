$(call declare,library,host,assert.c memory.c)

$(call declare,unit,canary_test.c,)

$(call declare,library,oracle,oracle.c)

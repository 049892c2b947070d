$(call declare,program,kmtrace,kmtrace.c kmtrace_print.c,,-lseccomp)
$(call declare,header,../uapi/kmview.h)
$(call declare,man,kmview.4)

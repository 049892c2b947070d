$(call declare,tool,switch_bench,switch_bench.c,,)

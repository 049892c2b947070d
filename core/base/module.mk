$(call declare,library,base,arena.c frame.c prng.c queue.c text.c timer.c)
$(call declare,pure,base)

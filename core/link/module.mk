$(call declare,library,link,chance.c link.c link_set.c loss.c markov.c noise.c queue.c shape.c value.c)
$(call declare,pure,link)
$(call declare,unit,link_test.c,link base host)

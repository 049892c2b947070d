# Kernel modules: every folder with a Kbuild is one.  kbuild works in a shadow of this tree made of
# links, $(B)/kernel/VERSION, one for each kernel whose headers are here, so no source folder is
# written to and versions stand side by side.  `make kernel KERNELS=6.1.0-56-amd64` builds for one.
KERNELS     ?= $(patsubst /lib/modules/%/build/Makefile,%,$(wildcard /lib/modules/*/build/Makefile))
kernel_mods := $(patsubst %/Kbuild,%,$(wildcard kernel/*/Kbuild harness/guest/*/Kbuild))
kernel_from := $(wildcard $(addsuffix /*.[ch],$(kernel_mods)) $(addsuffix /*/*.[ch],$(kernel_mods)) \
	$(addsuffix /Kbuild,$(kernel_mods)) kernel/uapi/*.h kernel/uapi/*/*.h core/base/*.[ch] \
	core/wire/*.[ch] core/mgmt/*.[ch] core/switch/*.[ch])
kernel_tests := $(patsubst %.c,$(B)/kernel/test/%,$(notdir $(wildcard kernel/*/test/*.c)))
# What make was told on its command line is about programs, not about kernels.
kbuild       = env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u CFLAGS -u CPPFLAGS -u LDFLAGS \
	$(MAKE) -s -j2 -C /lib/modules/$1/build M=$(abspath $(B))/kernel/$1 VSQ=$(CURDIR)

headers_installed += $(wildcard kernel/uapi/*.h kernel/uapi/net/*.h)

kernel: $(KERNELS:%=$(B)/kernel/%/built) $(kernel_tests) ## kernel modules and their test programs (build/kernel/)
	@$(if $(KERNELS),,echo "  no kernel headers in /lib/modules/*/build: modules are not built" \
		"(ci/bootstrap kernel)")

$(B)/kernel/%/built: $(kernel_from) kernel/module.mk
	$(call say,KBUILD,$*)
	@mkdir -p $(@D)/core
	$(Q)cp -rs --remove-destination $(addprefix $(CURDIR)/,$(kernel_mods)) $(@D)
	$(Q)cp -rs --remove-destination $(addprefix $(CURDIR)/core/,base wire mgmt switch) $(@D)/core
	$(Q)echo "obj-m := $(addsuffix /,$(notdir $(kernel_mods)))" >$(@D)/Kbuild
	$(Q)$(call kbuild,$*) W=1 KCFLAGS=-Werror modules
	@touch $@

kernel-sparse: kernel ## sparse over the kernel modules
	$(Q)for kernel in $(KERNELS); do $(call kbuild,$$kernel) C=2 CHECK=$(CURDIR)/kernel/sparse.sh modules || exit; done

# Test programs are static: a guest starts them sooner, and they are the same in every guest.
vpath %.c $(wildcard kernel/*/test)
$(kernel_tests): $(B)/kernel/test/%: %.c $(wildcard kernel/test/*.h kernel/uapi/*.h kernel/uapi/*/*.h)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)gcc -O2 -g -std=gnu11 -Wall -Wextra -Wshadow -Wmissing-prototypes -Werror -D_GNU_SOURCE \
		-I. -Ikernel/uapi -static -pthread -o $@ $<

check-kernel: bootstrap-kernel ## the kernel modules in QEMU guests
	@$(MAKE) --no-print-directory -j$$(nproc) all kernel
	@VSQ_BUILD=$(abspath $(B)) $(PYTHON) -m pytest -q -rs --durations=5 -p no:cacheprovider \
		harness/guest harness/kernel

bench-kernel: bootstrap-kernel ## what the kernel modules cost, in instructions, beside their peers
	@$(MAKE) --no-print-directory -j$$(nproc) all kernel
	@$(PYTHON) harness/bench/bench.py --build $(B) kernel

.PHONY: kernel kernel-sparse check-kernel bench-kernel

# The commands of the house. Needs Debian 12 and root (the lab makes network namespaces); README.md says more.
#   VMHA_BUILD   build folder (default: build)        VMHA_CACHE   what is slow to make is kept there (default: ~/.cache/vmha)
export VMHA_BUILD ?= $(CURDIR)/build
export VMHA_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vmha
LAB := e2e/lab/lab

.PHONY: help build packages image test demo lab-up lab-down clean

help:
	@echo "make demo      installs, builds, brings the lab up, pulls the power of a host and shows its recovery"
	@echo "make test      everything there is to test; the last line counts it"
	@echo "make build     only the programs, into $(VMHA_BUILD)"
	@echo "make image     the container image, with a Docker engine or without (scripts/image)"
	@echo "make lab-up    the lab alone (e2e/lab/README.md); make lab-down ends it"
	@echo "make clean     removes the build folder"

packages:
	@scripts/install-packages

build: packages
	@scripts/build

image:
	@scripts/image

test:
	@scripts/test

demo:
	@scripts/demo

lab-up: packages
	@$(LAB) up

lab-down:
	@$(LAB) down

clean:
	rm -rf "$(VMHA_BUILD)" "$(VMHA_BUILD)-sanitize"

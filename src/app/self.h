#pragma once

/* What the exporter shows of itself: which build it is, and what it takes from
 * the machine. */

#include "model/registry.h"

void self_show_build(struct registry *registry);
/* Reads the process's figures anew. */
void self_show_process(struct registry *registry, double start_s);

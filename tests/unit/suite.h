#pragma once

/* What every unit test program has in common: it defines suite_name and
 * suite_add, and main.c runs them and speaks TAP. Files that serve as cases
 * are found below $TEST_CASES. */

#include <check.h>

extern const char suite_name[];
void suite_add(TCase *tc);

#pragma once

/* What every unit test program has in common: it defines suite_name and
 * suite_add, and main.c runs them and speaks TAP. Files that serve as cases
 * are found below $TEST_CASES. */

#include <check.h>

/* How often to repeat what is worth n rounds: a hundredth of them where
 * $TEST_SLOWLY says that each takes far longer, as valgrind does. */
int rounds(int n);

extern const char suite_name[];
void suite_add(TCase *tc);

#include <stdlib.h>

#include "suite.h"

int
rounds(int n)
{
    return getenv("TEST_SLOWLY") == NULL ? n : n / 100;
}

int
main(void)
{
    Suite *suite = suite_create(suite_name);
    TCase *tc = tcase_create(suite_name);
    tcase_set_timeout(tc, 60);
    suite_add(tc);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int nfailed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return nfailed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

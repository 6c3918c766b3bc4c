
#include "../suite.h"
#include "stream_rig.h"

const char suite_name[] = "stream_pace";

/* The peer's bytes go on where they were, as the rig checks them. */
static void
send_at_once(struct rig *rig, size_t *nsent, size_t n)
{
    static char bytes[256 * 1024];
    ck_assert_uint_le(n, sizeof(bytes));
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)((*nsent + i) % 251);
    const uv_buf_t buf = uv_buf_init(bytes, (unsigned)n);
    ck_assert_int_eq(uv_try_write((uv_stream_t *)&rig->peer, &buf, 1), (int)n);
    *nsent += n;
}

static bool
is_paced(const struct rig *rig)
{
    return uv_is_active((const uv_handle_t *)&rig->stream->beat);
}

static void
connect_both(struct rig *rig, size_t in_max)
{
    rig_open(rig);
    rig_connect(rig, (struct stream_config){.host = "127.0.0.1",
                                            .port = rig->port,
                                            .in_max = in_max});
    WAIT_FOR(rig, rig->connected && rig->accepted);
}

/* One message behind the other, as fast as they are read. */
static void
get_paced(struct rig *rig, size_t *nsent)
{
    for (int i = 0; i < 10000 && !is_paced(rig); i++) {
        send_at_once(rig, nsent, 100);
        WAIT_FOR(rig, rig->nbytes == *nsent);
    }
    ck_assert(is_paced(rig));
}

/* Time is the test's: no beat comes before the next one that is asked for. */
static void
hold_beats(struct rig *rig)
{
    uv_timer_start(&rig->stream->beat, rig->stream->beat.timer_cb, 1000 * 1000,
                   1);
}

static void
beat_now(struct rig *rig)
{
    uv_timer_start(&rig->stream->beat, rig->stream->beat.timer_cb, 0, 1);
}

static void
turn(struct rig *rig, int n)
{
    for (int i = 0; i < n; i++)
        uv_run(&rig->loop, UV_RUN_NOWAIT);
}

START_TEST(message_now_and_then_is_read_as_it_comes)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;

    for (int i = 0; i < 30; i++) {
        while (uv_now(&rig.loop) <= rig.stream->read_at + 1)
            turn(&rig, 1);
        send_at_once(&rig, &nsent, 100);
        WAIT_FOR(&rig, rig.nbytes == nsent);
        ck_assert(!is_paced(&rig));
    }

    ck_assert_uint_eq(rig.nshares, 30);
    rig_close(&rig);
}
END_TEST

START_TEST(many_messages_are_read_at_once)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;
    get_paced(&rig, &nsent);
    hold_beats(&rig);
    const size_t nbytes = rig.nbytes;
    const unsigned nshares = rig.nshares;

    for (int i = 0; i < 100; i++) {
        send_at_once(&rig, &nsent, 100);
        turn(&rig, 1);
    }
    ck_assert_uint_eq(rig.nbytes, nbytes);
    beat_now(&rig);
    WAIT_FOR(&rig, rig.nbytes == nsent);

    ck_assert_uint_le(rig.nshares, nshares + 10); /* and not 100 */
    ck_assert(!rig.mismatch);
    rig_close(&rig);
}
END_TEST

START_TEST(bulk_is_read_as_it_comes)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;

    for (int i = 0; i < 50; i++) {
        send_at_once(&rig, &nsent, 64 * 1024);
        WAIT_FOR(&rig, rig.nbytes == nsent);
    }

    ck_assert(!is_paced(&rig));
    ck_assert(!rig.mismatch);
    rig_close(&rig);
}
END_TEST

/* Where a storm begins, draining the socket comes first. */
START_TEST(bulk_ends_the_beats)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;
    get_paced(&rig, &nsent);
    hold_beats(&rig);

    send_at_once(&rig, &nsent, 64 * 1024);
    beat_now(&rig);
    WAIT_FOR(&rig, rig.nbytes == nsent);

    ck_assert(!is_paced(&rig));
    send_at_once(&rig, &nsent, 100);
    WAIT_FOR(&rig, rig.nbytes == nsent);
    ck_assert(!rig.mismatch);
    rig_close(&rig);
}
END_TEST

START_TEST(quiet_ends_the_beats)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;
    get_paced(&rig, &nsent);

    WAIT_FOR(&rig, !is_paced(&rig));

    send_at_once(&rig, &nsent, 100);
    WAIT_FOR(&rig, rig.nbytes == nsent);
    ck_assert(!rig.mismatch);
    rig_close(&rig);
}
END_TEST

START_TEST(end_between_beats_comes_behind_the_bytes)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;
    get_paced(&rig, &nsent);
    hold_beats(&rig);

    send_at_once(&rig, &nsent, 10 * 1000);
    uv_close((uv_handle_t *)&rig.peer, NULL);
    turn(&rig, 3);
    ck_assert_uint_eq(rig.nends, 0);
    beat_now(&rig);
    WAIT_FOR(&rig, rig.nends == 1);

    ck_assert_uint_eq(rig.nbytes, nsent);
    ck_assert_int_eq(rig.why, STREAM_CLOSED);
    ck_assert(!rig.mismatch);
    rig_close(&rig);
}
END_TEST

START_TEST(reset_between_beats_ends_the_stream)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;
    get_paced(&rig, &nsent);

    ck_assert_int_eq(uv_tcp_close_reset(&rig.peer, NULL), 0);
    WAIT_FOR(&rig, rig.nends == 1);

    ck_assert_int_eq(rig.why, STREAM_RESET);
    ck_assert_int_eq(rig.error, UV_ECONNRESET);
    ck_assert(!is_paced(&rig));
    rig_close(&rig);
}
END_TEST

START_TEST(close_between_beats_is_silent)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;
    get_paced(&rig, &nsent);

    stream_close(rig.stream);
    ck_assert(!is_paced(&rig));
    WAIT_FOR(&rig, rig.closed);

    ck_assert_uint_eq(rig.nends, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(stream_may_be_closed_from_the_bytes_of_a_beat)
{
    struct rig rig;
    connect_both(&rig, 0);
    size_t nsent = 0;
    get_paced(&rig, &nsent);

    rig.close_in_bytes = true;
    send_at_once(&rig, &nsent, 100);
    WAIT_FOR(&rig, rig.closed);

    ck_assert_uint_eq(rig.nbytes, nsent);
    ck_assert_uint_eq(rig.nends, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(beat_that_fills_the_inbox_reads_on_later)
{
    struct rig rig;
    connect_both(&rig, 1000);
    size_t nsent = 0;
    get_paced(&rig, &nsent);
    hold_beats(&rig);

    send_at_once(&rig, &nsent, 10 * 1000);
    beat_now(&rig);
    WAIT_FOR(&rig, rig.nbytes == nsent);

    ck_assert(!is_paced(&rig));
    send_at_once(&rig, &nsent, 500);
    WAIT_FOR(&rig, rig.nbytes == nsent);
    ck_assert(!rig.mismatch);
    rig_close(&rig);
}
END_TEST

void
suite_add(TCase *tc)
{
    tcase_add_test(tc, message_now_and_then_is_read_as_it_comes);
    tcase_add_test(tc, many_messages_are_read_at_once);
    tcase_add_test(tc, bulk_is_read_as_it_comes);
    tcase_add_test(tc, bulk_ends_the_beats);
    tcase_add_test(tc, quiet_ends_the_beats);
    tcase_add_test(tc, end_between_beats_comes_behind_the_bytes);
    tcase_add_test(tc, reset_between_beats_ends_the_stream);
    tcase_add_test(tc, close_between_beats_is_silent);
    tcase_add_test(tc, stream_may_be_closed_from_the_bytes_of_a_beat);
    tcase_add_test(tc, beat_that_fills_the_inbox_reads_on_later);
}

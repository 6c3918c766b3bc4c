#include "io/inbox.h"

#include <assert.h>
#include <sys/mman.h>

struct inbox_chunk {
    struct inbox_chunk *next;
    size_t at;  /* consumed */
    size_t len; /* filled */
    char bytes[];
};

enum {
    CHUNK_CAP = INBOX_CHUNK - sizeof(struct inbox_chunk),
    /* Less room than this at the end of a chunk is left unused. */
    LEAST_SPACE = 16 * 1024,
};

/* Mapped, not from the heap: after a burst the memory is really gone. In a
 * burst a chunk will be filled, so its pages are made together. */
static struct inbox_chunk *
map_chunk(bool burst)
{
    void *ptr =
        mmap(NULL, INBOX_CHUNK, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | (burst ? MAP_POPULATE : 0), -1, 0);
    return ptr == MAP_FAILED ? NULL : ptr;
}

static void
unmap_chunks(struct inbox_chunk *chunk)
{
    while (chunk != NULL) {
        struct inbox_chunk *next = chunk->next;
        munmap(chunk, INBOX_CHUNK);
        chunk = next;
    }
}

void
inbox_init(struct inbox *inbox, size_t max)
{
    *inbox = (struct inbox){.max = max};
}

void
inbox_close(struct inbox *inbox)
{
    unmap_chunks(inbox->first);
    unmap_chunks(inbox->spares);
    inbox_init(inbox, inbox->max);
}

/* A page that is mapped anew costs more than decoding what it holds. */
static struct inbox_chunk *
take_spare(struct inbox *inbox)
{
    struct inbox_chunk *chunk = inbox->spares;
    if (chunk == NULL)
        return map_chunk(inbox->last != NULL);
    inbox->spares = chunk->next;
    inbox->nspares--;
    return chunk;
}

static struct inbox_chunk *
add_chunk(struct inbox *inbox)
{
    struct inbox_chunk *chunk = take_spare(inbox);
    if (chunk == NULL)
        return NULL;
    chunk->next = NULL;
    chunk->at = chunk->len = 0;
    if (inbox->last != NULL)
        inbox->last->next = chunk;
    else
        inbox->first = chunk;
    inbox->last = chunk;
    return chunk;
}

char *
inbox_space(struct inbox *inbox, size_t *len)
{
    struct inbox_chunk *chunk = inbox->last;
    if (chunk == NULL || CHUNK_CAP - chunk->len < LEAST_SPACE)
        chunk = add_chunk(inbox);
    if (chunk == NULL) {
        *len = 0;
        return NULL;
    }
    *len = CHUNK_CAP - chunk->len;
    return chunk->bytes + chunk->len;
}

void
inbox_filled(struct inbox *inbox, size_t n)
{
    assert(inbox->last != NULL && n <= CHUNK_CAP - inbox->last->len);
    inbox->last->len += n;
    inbox->len += n;
}

bool
inbox_full(const struct inbox *inbox)
{
    return inbox->len >= inbox->max;
}

struct str
inbox_peek(const struct inbox *inbox)
{
    const struct inbox_chunk *chunk = inbox->first;
    if (chunk == NULL)
        return (struct str){0};
    return (struct str){chunk->bytes + chunk->at, chunk->len - chunk->at};
}

static void
drop_first(struct inbox *inbox)
{
    struct inbox_chunk *chunk = inbox->first;
    inbox->first = chunk->next;
    if (inbox->first == NULL)
        inbox->last = NULL;
    chunk->next = inbox->spares;
    inbox->spares = chunk;
    inbox->nspares++;
}

void
inbox_consume(struct inbox *inbox, size_t n)
{
    struct inbox_chunk *chunk = inbox->first;
    assert(chunk != NULL && n <= chunk->len - chunk->at);
    chunk->at += n;
    inbox->len -= n;
    if (chunk->at < chunk->len)
        return;
    if (chunk->next != NULL) {
        drop_first(inbox);
        return;
    }
    /* The only one: its room is free again from the start. A read is never
     * under way here, since libuv asks for room and reads in one go. */
    chunk->at = chunk->len = 0;
}

void
inbox_relax(struct inbox *inbox)
{
    while (inbox->nspares > 1)
        munmap(take_spare(inbox), INBOX_CHUNK);
}

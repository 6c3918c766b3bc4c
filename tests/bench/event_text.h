#pragma once

/* Events as JSON: the fields, their order and their separators are those that
 * Celery writes. An event is begun, gets its fields, and is ended. */

#include "base/buf.h"

enum { EVENT_UUID_LEN = 36 };

void event_add_name(struct buf *out, size_t name);       /* of a task */
void event_add_nodename(struct buf *out, size_t worker); /* of its worker */

void event_begin(struct buf *out, struct str nodename, size_t pid,
                 uint64_t clock);
void event_add_uuid(struct buf *out, const char *uuid);
/* What task-sent and task-received tell of a task. `number` is among its
 * arguments. */
void event_add_task(struct buf *out, size_t name, const char *uuid,
                    size_t retries, size_t number);
void event_add_queue(struct buf *out);
void event_add_result(struct buf *out, bool none, double runtime_s);
void event_add_failure(struct buf *out, struct str class, size_t number);
void event_add_worker(struct buf *out, size_t nactive, uint64_t nprocessed);
/* type: task-sent. us: Unix time. */
void event_end(struct buf *out, uint64_t us, const char *type);

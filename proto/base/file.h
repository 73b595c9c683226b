/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_FILE_H
#define LK_BASE_FILE_H
/*
 * Whole files and pipes through descriptors, and where our programs are. For programs that may block; the caller opens
 * and closes.
 */
#include <limits.h>

#include "proto/base/buffer.h"

/*
 * Reads to the end of file, or until out has room for no more (ask lk_buf_ok). False when a read fails: errno says
 * why, and out has what came before. What is on its way through memory is wiped.
 */
bool lk_file_read(int fd, struct lk_buf *out);

/* Writes all of v. False when a write fails: errno says why, and part of v may have been written. */
bool lk_file_write(int fd, struct lk_bytes v);

/*
 * The program of ours with this name: in the folder of the running program's file, else in its ../libexec/latchkey.
 * False when neither has it.
 */
bool lk_file_program(const char *name, char path[static PATH_MAX]);

#endif

#ifndef CKERNELS_TRANSPOSE_H
#define CKERNELS_TRANSPOSE_H

#include "ckernels.h"

static inline size_t ck_element_size(ck_dtype dtype) { return dtype == CK_BFLOAT16 ? 2 : 4; }

// [rows, columns] to [columns, rows].
void ck_transpose(const void *from, int64_t rows, int64_t columns, ck_dtype dtype, void *to);

#endif

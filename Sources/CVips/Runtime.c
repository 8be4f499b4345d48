#include "cvips.h"

#include <string.h>
#include <vips/vips.h>

static void ignore_log(const char *domain, GLogLevelFlags level, const char *message, void *data) {
    (void)domain, (void)level, (void)message, (void)data;
}

int cvips_start(void) {
    if (vips_init("fvlm") != 0)
        return -1;
    // The cache would key results by the address of memory that has since been freed.
    vips_cache_set_max(0);
    vips_concurrency_set(1);
    // A damaged file is reported as an error; its warnings do not belong on standard error.
    g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG,
                      ignore_log, NULL);
    return 0;
}

const char *cvips_version(void) { return vips_version_string(); }

char *cvips_take_error(void) {
    char *text = vips_error_buffer_copy();
    return text ? text : g_strdup("");
}

void cvips_free(void *memory) { g_free(memory); }

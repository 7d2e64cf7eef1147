#include "cli/print_check.h"

#include "check/spf_tree.h"

/* Terms of one record that are still to be visited. */
struct visit {
    const struct spf_node *node;
    size_t next;
};

void print_check_spf(const struct spf_node *top,
    void (*put)(void *context, const struct spf_branch *b, unsigned above), void *context)
{
    struct visit stack[SPF_TREE_DEPTH + 1] = {{top, 0}};
    unsigned depth = top && top->branches ? 1 : 0;

    while (depth) {
        struct visit *v = &stack[depth - 1];
        if (v->next == v->node->record.n) {
            depth--;
            continue;
        }
        const struct spf_branch *b = &v->node->branches[v->next++];
        put(context, b, depth - 1);
        if (b->node && b->node->branches && depth <= SPF_TREE_DEPTH)
            stack[depth++] = (struct visit){b->node, 0};
    }
}

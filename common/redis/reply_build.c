#include "redis/reply_build.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALIGNMENT = sizeof(void *),
    FIRST_BYTES = 512, /* enough for replies that bring no jobs */
    BLOCK_BYTES = 1 << 16,
};

struct block {
    struct block *next;
    char bytes[];
};

/* A whole reply. */
struct tree {
    redisReply root; /* first: its address is the tree's */
    struct block *blocks;
    size_t block_bytes; /* size of the last block that was not made for one large element */
    char *left;         /* the part of that block not taken yet */
    size_t left_bytes;
    _Alignas(ALIGNMENT) char first[FIRST_BYTES];
};

static struct tree *tree_of(const redisReadTask *task)
{
    while (task->parent != NULL)
        task = task->parent;
    return task->obj;
}

static char *add_block(struct tree *tree, size_t bytes)
{
    struct block *block = malloc(sizeof *block + bytes);
    if (block == NULL)
        return NULL;
    block->next = tree->blocks;
    tree->blocks = block;
    return block->bytes;
}

/* Memory that lives as long as the tree; not cleared. NULL: out of memory. */
static void *take(struct tree *tree, size_t bytes)
{
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (bytes > BLOCK_BYTES / 4)
        return add_block(tree, bytes);
    if (bytes > tree->left_bytes) {
        size_t next = tree->block_bytes < BLOCK_BYTES ? tree->block_bytes * 4 : BLOCK_BYTES;
        next = next < bytes ? BLOCK_BYTES : next;
        char *added = add_block(tree, next);
        if (added == NULL)
            return NULL;
        tree->block_bytes = next < BLOCK_BYTES ? next : BLOCK_BYTES;
        tree->left = added;
        tree->left_bytes = next;
    }
    void *taken = tree->left;
    tree->left += bytes;
    tree->left_bytes -= bytes;
    return taken;
}

static redisReply *make_root(void)
{
    struct tree *tree = malloc(sizeof *tree);
    if (tree == NULL)
        return NULL;
    memset(tree, 0, offsetof(struct tree, first));
    tree->block_bytes = FIRST_BYTES;
    tree->left = tree->first;
    tree->left_bytes = FIRST_BYTES;
    return &tree->root;
}

/* Makes a reply without contents, not yet among its parent's elements. */
static redisReply *make(const redisReadTask *task)
{
    redisReply *reply =
        task->parent == NULL ? make_root() : take(tree_of(task), sizeof(redisReply));
    if (reply == NULL)
        return NULL;
    memset(reply, 0, sizeof *reply);
    reply->type = task->type;
    return reply;
}

static void *enter(const redisReadTask *task, redisReply *reply)
{
    if (task->parent != NULL) {
        redisReply *parent = task->parent->obj;
        parent->element[task->idx] = reply;
    }
    return reply;
}

static void free_tree(void *root)
{
    struct tree *tree = root;
    while (tree->blocks != NULL) {
        struct block *block = tree->blocks;
        tree->blocks = block->next;
        free(block);
    }
    free(tree);
}

/* Frees the tree if this is a root: nobody else owns it yet. */
static void *give_up(const redisReadTask *task, redisReply *reply)
{
    if (task->parent == NULL)
        free_tree(reply);
    return NULL;
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    redisReply *reply = make(task);
    if (reply == NULL)
        return NULL;
    struct tree *tree = task->parent == NULL ? (struct tree *)reply : tree_of(task);
    reply->str = take(tree, len + 1);
    if (reply->str == NULL)
        return give_up(task, reply);
    memcpy(reply->str, text, len);
    reply->str[len] = 0;
    reply->len = len;
    return enter(task, reply);
}

static void *create_array(const redisReadTask *task, ELEMENT_COUNT count)
{
    redisReply *reply = make(task);
    if (reply == NULL)
        return NULL;
    struct tree *tree = task->parent == NULL ? (struct tree *)reply : tree_of(task);
    reply->elements = (size_t)count;
    /* Not cleared: the parser sets all elements before anybody else sees the reply. */
    reply->element = take(tree, reply->elements * sizeof reply->element[0]);
    if (reply->element == NULL)
        return give_up(task, reply);
    return enter(task, reply);
}

static void *create_integer(const redisReadTask *task, long long value)
{
    redisReply *reply = make(task);
    if (reply == NULL)
        return NULL;
    reply->integer = value;
    return enter(task, reply);
}

/* Sets the type itself: the task's is that of the value that is missing. */
static void *create_nil(const redisReadTask *task)
{
    redisReply *reply = make(task);
    if (reply == NULL)
        return NULL;
    reply->type = REDIS_REPLY_NIL;
    return enter(task, reply);
}

#if HIREDIS_MAJOR >= 1
/* RESP3, which we never request: given a type that no accessor accepts. */
static void *create_strange(const redisReadTask *task)
{
    redisReply *reply = make(task);
    return reply == NULL ? NULL : enter(task, reply);
}

static void *create_double(const redisReadTask *task, double value, char *text, size_t len)
{
    (void)value;
    (void)text;
    (void)len;
    return create_strange(task);
}

static void *create_bool(const redisReadTask *task, int value)
{
    (void)value;
    return create_strange(task);
}
#endif

const redisReplyObjectFunctions reply_functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
    .createNil = create_nil,
#if HIREDIS_MAJOR >= 1
    .createDouble = create_double,
    .createBool = create_bool,
#endif
    .freeObject = free_tree,
};

/* SPDX-License-Identifier: Apache-2.0
 * elf.c: looks into a shared object without running any of its code, see elf.h. Every offset is the
 * file's word and checked. */
#include "core/registry/elf.h"

#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataflow.h"

typedef struct object {
    const unsigned char *bytes;
    size_t len;
    const ElfW(Ehdr) * head;
} object;

/* `count` items of `size` bytes at an offset that suits them; NULL: not inside. */
static const void *inside(const object *o, uint64_t offset, uint64_t count, size_t size)
{
    if (offset > o->len || count > (o->len - offset) / size || offset % sizeof(ElfW(Addr)))
        return NULL;
    return o->bytes + offset;
}

static int is_ours(const object *o)
{
    static const unsigned char order[] = {ELFDATA2LSB, ELFDATA2MSB};
    const ElfW(Ehdr) *h = o->head;
    return o->len >= sizeof *h && memcmp(h->e_ident, ELFMAG, SELFMAG) == 0 &&
           h->e_ident[EI_CLASS] == (sizeof(ElfW(Addr)) == 8 ? ELFCLASS64 : ELFCLASS32) &&
           h->e_ident[EI_DATA] == order[__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__] &&
           h->e_type == ET_DYN && h->e_shentsize == sizeof(ElfW(Shdr)) &&
           h->e_phentsize == sizeof(ElfW(Phdr));
}

/* The bytes of the file that are loaded at an address. */
static const void *loaded(const object *o, uint64_t address, size_t len)
{
    const ElfW(Phdr) *p = inside(o, o->head->e_phoff, o->head->e_phnum, sizeof *p);
    for (size_t i = 0; p && i < o->head->e_phnum; i++) {
        uint64_t from = address - p[i].p_vaddr;
        if (p[i].p_type == PT_LOAD && address >= p[i].p_vaddr && from < p[i].p_filesz &&
            p[i].p_filesz - from >= len && p[i].p_offset <= o->len)
            return inside(o, p[i].p_offset + from, 1, len);
    }
    return NULL;
}

static const void *find(const object *o, const ElfW(Shdr) * table, const ElfW(Shdr) * names,
                        const char *symbol, size_t len)
{
    size_t count = table->sh_size / sizeof(ElfW(Sym)), want = strlen(symbol) + 1;
    const ElfW(Sym) *s = inside(o, table->sh_offset, count, sizeof *s);
    for (size_t i = 0; s && i < count; i++) {
        uint64_t at = s[i].st_name;
        if (s[i].st_shndx != SHN_UNDEF && s[i].st_size >= len && at < names->sh_size &&
            names->sh_size - at >= want && names->sh_offset <= o->len &&
            names->sh_size <= o->len - names->sh_offset &&
            memcmp(o->bytes + names->sh_offset + at, symbol, want) == 0)
            return loaded(o, s[i].st_value, len);
    }
    return NULL;
}

static int look(const object *o, const char *symbol, void *ret, size_t len)
{
    const ElfW(Shdr) * s;
    if (!is_ours(o))
        return DF_EINVAL;
    s = inside(o, o->head->e_shoff, o->head->e_shnum, sizeof *s);
    for (size_t i = 0; s && i < o->head->e_shnum; i++) {
        const void *datum = s[i].sh_type == SHT_DYNSYM && s[i].sh_link < o->head->e_shnum
                                ? find(o, &s[i], &s[s[i].sh_link], symbol, len)
                                : NULL;
        if (datum) {
            memcpy(ret, datum, len);
            return DF_OK;
        }
    }
    return DF_ENOTSUP;
}

int df__elf_datum(const char *path, const char *symbol, void *ret, size_t len)
{
    struct stat st;
    object o;
    void *map = MAP_FAILED;
    int rc = DF_ENOTFOUND, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return rc;
    if (fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size == 0))
        rc = DF_EINVAL;
    else if (st.st_size > 0)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return rc;
    o.bytes = map;
    o.len = (size_t)st.st_size;
    o.head = map;
    rc = look(&o, symbol, ret, len);
    munmap(map, o.len);
    return rc;
}

/* SPDX-License-Identifier: ISC */
/*
 * JSON on standard output.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libctl/json.h"

/* The writer of a program that prints one document: what came last. */
static bool first = true;

static void
quote(const char *s, size_t n)
{
	putchar('"');
	for (; n != 0; s++, n--)
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			printf("\\u%04x", (unsigned)*s);
		else
			putchar(*s);
	putchar('"');
}

static void
lead(const char *name)
{
	if (!first)
		putchar(',');
	first = false;
	if (name != NULL) {
		quote(name, strlen(name));
		putchar(':');
	}
}

void
json_begin(void)
{
	first = true;
	json_object(NULL);
	json_number("schema_version", JSON_SCHEMA);
}

void
json_end(void)
{
	json_object_end();
	putchar('\n');
}

void
json_object(const char *name)
{
	lead(name);
	putchar('{');
	first = true;
}

void
json_object_end(void)
{
	putchar('}');
	first = false;
}

void
json_array(const char *name)
{
	lead(name);
	putchar('[');
	first = true;
}

void
json_array_end(void)
{
	putchar(']');
	first = false;
}

void
json_string(const char *name, const char *value)
{
	lead(name);
	quote(value, strlen(value));
}

void
json_lines(const char *name, const char *text)
{
	json_array(name);
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		lead(NULL);
		quote(text, n);
		text += n + (text[n] == '\n');
	}
	json_array_end();
}

void
json_number(const char *name, uint64_t value)
{
	lead(name);
	printf("%" PRIu64, value);
}

void
json_bool(const char *name, bool value)
{
	lead(name);
	printf("%s", value ? "true" : "false");
}

/* SPDX-License-Identifier: Apache-2.0
 * main.c: entry of dfoperator. */
#include "dfoperator/dfoperator.h"

int main(int argc, char **argv)
{
    return app_dispatch(&dfoperator_program, argc, argv);
}

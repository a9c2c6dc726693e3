/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "commands.h"

const Command commands[] = {
  { "migrate", "URI", "Migrate the guest to a destination that waits at URI", 1, 1, TRUE,
    command_migrate },
  { "incoming", "URI", "Wait for a migration at URI", 1, 1, TRUE, command_incoming },
  { "status", "", "Show whether the guest runs and how far its migration is", 0, 0, TRUE,
    command_status },
  { "cancel", "", "Cancel the migration", 0, 0, FALSE, command_cancel },
  { "continue", "", "Continue from pre-switchover", 0, 0, TRUE, command_continue },
  { "set", "[K=V...]", "Set parameters and capabilities, or show them all", 0, COMMAND_ARGS_MAX,
    FALSE, command_set },
  { "plugins", "", "List the plugins and their options", 0, 0, FALSE, command_plugins },
  { "check", "", "Check every page of guest memory", 0, 0, FALSE, command_check },
  { "watch", "", "Watch the migration on the full screen", 0, 0, FALSE, command_watch },
  { "qmp", "JSON", "Send one QMP command and print the answer", 1, 1, FALSE, command_qmp },
  { "shell", "", "Type QMP commands, with completion", 0, 0, FALSE, command_shell },
  { 0 },
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The godwit authors */
#include "promise.h"
#include "tracker-cases.h"
#include "suite.h"

TRACKER_CASES (DECLARE_CASE)

void
plugin_declares_what_makes_sense (const Subject *subject)
{
  const GdwPlugin *plugin = subject->plugin;

  EXPECT (plugin->summary && *plugin->summary, PROMISE ("plugin.h", "one line for people"),
          "there is no summary");
  for (const GdwOption *option = plugin->options; option && option->name; option++)
    EXPECT (option->help && *option->help, PROMISE ("plugin.h", "one line"),
            "option '%s' has no help", option->name);
}

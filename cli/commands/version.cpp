// nautilusctl version
#include "cli/commands/commands.h"

namespace nautilus::cli {

void add_version(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("version", "print the version");
  command->callback([&context] {
    context.run = [](Context& c) -> Result<int> {
      if (c.text()) {
        c.print(std::string_view("nautilusctl " NAUTILUSCTL_VERSION "\n"));
      } else {
        c.print(Json{{"version", NAUTILUSCTL_VERSION}});
      }
      return 0;
    };
  });
}

}  // namespace nautilus::cli

// nautilusctl environments: the names that --env takes.
#include "cli/commands/commands.h"

namespace nautilus::cli {

void add_environments(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("environments", "list the environments of the project");
  command->callback([&context] {
    context.run = [](Context& c) -> Result<int> {
      ASSIGN_OR_RETURN(const std::string project, c.project());
      ASSIGN_OR_RETURN(const auto names, env::names(c.ports.files, project));
      if (!c.text()) {
        c.print(Json(names));
        return 0;
      }
      for (const auto& name : names) c.print(std::string_view(name + "\n"));
      return 0;
    };
  });
}

}  // namespace nautilus::cli

// nautilusctl render --env ENV [-f FILE] [--set a=b] [--operator NAME] [--bundle FILE] [--output-dir k8s/] [-o
// yaml|json]
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/source.h"
#include "core/apply/desired.h"
#include "core/apply/k8s_tree.h"
#include "core/apply/operators.h"
#include "core/value/yaml.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  std::string output_dir, operator_name, bundle;
  bool stand_in_crds = false;
};

Result<> write_tree(const Context& context, const port::Filesystem& files, const env::Environment& env,
                    const apply::Desired& desired, const std::string& directory) {
  const std::string rules_file = env.chart + "/k8s-tree.yaml";
  ASSIGN_OR_RETURN(const std::string text, files.read(rules_file));
  ASSIGN_OR_RETURN(const Json rules, value::parse_yaml(text, rules_file));
  ASSIGN_OR_RETURN(const apply::Tree tree, apply::arrange(desired, rules, rules_file));
  for (const auto& [path, objects] : tree) {
    TRY(context.ports.files.write(directory + "/" + path, apply::tree_file_text(objects)));
    context.note(
        fmt::format("wrote {}/{} ({} object{})", directory, path, objects.size(), objects.size() == 1 ? "" : "s"));
  }
  return {};
}

void print_objects(const Context& context, const apply::Desired& desired) {
  if (context.flags.format == Format::json) {
    Json items = Json::array();
    for (const auto& object : desired.objects) items.push_back(object.manifest);
    context.print(Json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}});
    return;
  }
  std::vector<const apply::DesiredObject*> all;
  for (const auto& object : desired.objects) all.push_back(&object);
  context.print(std::string_view(apply::tree_file_text(all)));
}

apply::Desired stand_ins(const env::Environment& env) {
  apply::Desired desired;
  for (const auto& op : env.operators)
    for (Json& definition : apply::stand_in_definitions(op.provides))
      desired.objects.push_back({std::move(definition), "provides of operator " + op.name});
  return desired;
}

Result<int> render(Context& context, const Flags& all_flags) {
  const ValuesFlags& flags = all_flags.values;
  const std::string& output_dir = all_flags.output_dir;
  ASSIGN_OR_RETURN(auto source, Source::open(context, flags.env, all_flags.bundle));
  const env::Environment& env = source->env;
  if (all_flags.stand_in_crds) {
    print_objects(context, stand_ins(env));
    return 0;
  }
  apply::Desired desired;
  if (all_flags.operator_name.empty()) {
    ASSIGN_OR_RETURN(desired, source->render(flags.overrides));
  } else {
    ASSIGN_OR_RETURN(auto one, source->render_operators(all_flags.operator_name));
    desired = std::move(one.front().desired);
  }
  for (const auto& warning : desired.warnings) context.warn(warning);
  if (!output_dir.empty()) {
    TRY(write_tree(context, source->files(), env, desired, output_dir).within("writing " + output_dir));
    return 0;
  }
  print_objects(context, desired);
  return 0;
}

}  // namespace

void add_render(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("render", "print the objects of an environment");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  auto* output_dir = command
                         ->add_option("--output-dir", flags->output_dir,
                                      "write the k8s/ tree for kubectl apply -f instead of printing")
                         ->type_name("DIR");
  command
      ->add_flag("--stand-in-crds", flags->stand_in_crds,
                 "print definitions without schemas for the kinds that the operators provide, for test clusters")
      ->excludes(output_dir);
  add_operator(*command, flags->operator_name);
  command->get_option("--operator")->excludes(output_dir);
  add_bundle(*command, flags->bundle);
  command->callback([&context, flags] { context.run = [flags](Context& c) { return render(c, *flags); }; });
}

}  // namespace nautilus::cli

//! TypeScript and JavaScript: checked by tsc, bundled by esbuild, made a component on QuickJS by componentize-qjs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    BuildError, Job, Language, contract,
    process::{self, Explained},
    source_map, stamp, table, tools, typescript,
};

/// The packages of npm that are needed, with the versions that are known to work.
pub const NPM_PACKAGES: [&str; 3] = ["componentize-qjs@0.4.5", "esbuild@0.28", "typescript@7"];
/// Where they lie in the folder of the tools.
pub const BIN: &str = "js/node_modules/.bin";
/// What they are called there.
pub const PROGRAMS: [&str; 3] = ["componentize-qjs", "esbuild", "tsc"];

macro_rules! sdk {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../sdk/js/", $name)))),*]
    };
}

const SDK: [(&str, &str); 8] = sdk![
    "package.json",
    "src/index.ts",
    "src/guard.ts",
    "src/globals.ts",
    "src/immediate.ts",
    "src/straight.ts",
    "src/voice.ts",
    "src/chat.ts",
];

const TSCONFIG: &str = r#"{
  "compilerOptions": {
    "target": "esnext", "module": "esnext", "moduleResolution": "bundler", "lib": ["esnext"], "types": [],
    "strict": true, "noEmit": true, "skipLibCheck": true, "allowImportingTsExtensions": true, "allowJs": true
  },
  "include": ["SRC", "node_modules/@jackfield/plugin/contract.d.ts", "node_modules/@jackfield/plugin/globals.d.ts"]
}
"#;
/// Beside the SDK: names what the plugin does not export.
const CHECK: &str = "check.ts";
/// What `globals.ts` brings.
const GLOBALS: &str = "declare const console: Record<\"debug\" | \"log\" | \"info\" | \"warn\" | \"error\", \
                       (...values: unknown[]) => void>;\n";

/// The file with the plugin: `src/plugin.ts`, else `src/plugin.js`.
pub(crate) fn source(dir: &Path) -> Option<PathBuf> {
    ["src/plugin.ts", "src/plugin.js"]
        .iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
}

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
    let texts: Vec<_> = SDK.iter().map(|(_, text)| *text).chain(NPM_PACKAGES).collect();
    let tools = PROGRAMS.map(|name| tool(job.dir, name).ok());
    stamp::unless_known(job, Language::Js, &texts, &tools, || compile(job))
}

fn compile(job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
    let [qjs, esbuild, tsc] = PROGRAMS.map(|name| tool(job.dir, name));
    let (qjs, esbuild, tsc) = (qjs?, esbuild?, tsc?);
    (job.say)("checking types, bundling, and putting QuickJS around it: some 5 s");
    let (resolve, world) = contract::world(job.head)?;
    let (interface, _, functions) = contract::exported(&resolve, world)?;
    let functions: Vec<_> = functions.iter().map(|name| typescript::camel(name)).collect();
    let source = source(job.dir).unwrap_or_default();
    let package = job.dir.join("node_modules/@jackfield/plugin");
    for (name, text) in SDK {
        stamp::put(&package.join(name), text)?;
    }
    stamp::put(
        &package.join("contract.d.ts"),
        &typescript::declarations(&resolve),
    )?;
    stamp::put(&package.join("globals.d.ts"), GLOBALS)?;

    let config = job.dir.join("tsconfig.json");
    if !config.is_file() {
        stamp::put(&config, &TSCONFIG.replace("SRC", "src"))?;
    }
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    stamp::put(
        &package.join(CHECK),
        &format!(
            "import plugin from \"../../../src/{name}\";\n\
             export const missing: Record<Exclude<keyof typeof import({interface:?}), keyof typeof plugin>, never> = {{}};\n"
        ),
    )?;
    let config = job.dir.join("node_modules/.jackfield-tsconfig.json");
    stamp::put(
        &config,
        &format!("{{\"extends\": \"../tsconfig.json\", \"files\": [\"@jackfield/plugin/{CHECK}\"]}}\n"),
    )?;
    process::run_explained(
        Command::new(tsc)
            .arg("--noEmit")
            .arg("-p")
            .arg(&config)
            .current_dir(job.dir),
        "tsc",
        |said| missing(said, &name, &functions),
    )?;

    let export = interface.split(['/', '@']).nth(1).unwrap_or_default();
    let entry = job.dir.join("node_modules/.jackfield-entry.ts");
    stamp::put(
        &entry,
        &format!(
            "import \"@jackfield/plugin/globals\";\nimport plugin from {:?};\nexport const {} = plugin;\n",
            source.display().to_string(),
            typescript::camel(export)
        ),
    )?;
    let bundle = job.work.join("plugin.js");
    process::run(
        Command::new(esbuild)
            .arg(&entry)
            .args([
                "--bundle",
                "--format=esm",
                "--target=es2022",
                "--charset=utf8",
                "--log-level=warning",
                // QuickJS runs nothing after an export has returned; see the SDK's `immediate.ts`.
                "--supported:async-await=false",
                "--external:cx:*",
                "--sourcemap=external",
                "--sources-content=false",
            ])
            .arg(format!("--outfile={}", bundle.display()))
            .current_dir(job.dir),
        "esbuild",
    )?;
    source_map::append(&bundle)?;
    let wit = job.work.join("wit");
    contract::write(job, &wit)?;
    let component = job.work.join("component.wasm");
    process::run(
        Command::new(qjs)
            .args(["--sync", "-n", "plugin", "-w"])
            .arg(&wit)
            .arg("-j")
            .arg(&bundle)
            .arg("-o")
            .arg(&component)
            .current_dir(job.work),
        "componentize-qjs",
    )?;
    let linked = fs::read(&component).map_err(|source| BuildError::file(&component, source))?;
    Ok(table::with_its_functions(linked))
}

/// What tsc says of the file that looks for the plugin's functions, in other words; the author's own mistakes stay.
fn missing(said: &str, source: &str, functions: &[String]) -> Option<Explained> {
    let mut ours = false;
    let (about, rest): (Vec<_>, Vec<_>) = said.lines().partition(|line| {
        // What explains a complaint is indented below it.
        if !line.starts_with(' ') {
            ours = line.contains(CHECK);
        }
        ours
    });
    let about = about.join("\n");
    if about.is_empty() {
        return None;
    }
    let absent: Vec<_> = functions
        .iter()
        .filter(|name| about.contains(&format!("\"{name}\"")))
        .map(|name| format!("`{name}`"))
        .collect();
    let what = match absent.as_slice() {
        [] => "the plugin is no default export".to_owned(),
        [one] => format!("its default export lacks the function {one}"),
        many => format!("its default export lacks the functions {}", many.join(", ")),
    };
    Some(Explained {
        error: BuildError::Export {
            file: format!("src/{source}"),
            what,
            how: format!(
                "expected `export default {{ {} }}`, best within the function of `@jackfield/plugin` for its kind",
                functions
                    .iter()
                    .map(|name| format!("{name}(…) {{ … }}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        },
        rest: rest.iter().map(|line| format!("{line}\n")).collect(),
    })
}

/// A tool of npm: of the plugin or of a folder around it, or else one for all plugins.
fn tool(dir: &Path, name: &str) -> Result<PathBuf, BuildError> {
    dir.ancestors()
        .map(|folder| folder.join("node_modules/.bin").join(name))
        .find(|path| path.is_file())
        .or_else(|| tools::find(dir, BIN, name))
        .ok_or_else(|| BuildError::Tool {
            tool: name.to_owned(),
            purpose: "to build TypeScript".to_owned(),
            install: format!("npm install --save-dev {}", NPM_PACKAGES.join(" ")),
        })
}

extension HelpTopic {
    /// All topics. Tools/man-pages makes a manual page of each.
    static let all = [
        vocabularies, datasets, formats, training, scores, devices, shards, output, environment,
    ]

    private static let vocabularies = HelpTopic(
        name: "vocabularies", abstract: "How classes are named: words, lists, files, examples.",
        text: """
            A detector looks for the classes that it is given. Commands take them in one of these ways:

              --classes "dog, traffic light"     names, separated by commas
              --classes coco                     a list by name: coco, lvis, objects365, openimages
              --classes-file names.txt           a class a line; synonyms follow after tabs
              --vocabulary things.safetensors    a file of fvlm vocabulary

            Without any of them a detector takes the vocabulary in its own folder, if there is one.

            A name is put into the sentences of --templates ("a photo of a dog"), and CLIP's text tower embeds \
            them. fvlm vocabulary build does this once and keeps the result; fvlm vocabulary examples makes classes \
            of boxes in pictures; fvlm vocabulary check finds names that CLIP can hardly tell apart. A vocabulary \
            belongs to the CLIP that made it: another one refuses the file.

            Base classes are those that a detector was trained on, novel classes all others. The two get different \
            weights when scores are combined (fvlm help scores).
            """)

    private static let datasets = HelpTopic(
        name: "datasets", abstract: "Annotations and pictures: what is read, checked and converted.",
        text: """
            Training and evaluation read COCO's instances JSON, with masks as polygons or run lengths, and LVIS v1. \
            Pictures are in one folder; file_name in the annotations says where.

              fvlm convert-dataset project.json train.json    from Label Studio, CVAT, YOLO, VOC and others
              fvlm check-dataset train.json --images train    faults, with the ids of what is affected
              fvlm split subsample all.json --fraction 0.9 -o train.json --rest val.json

            What a format has no place for is counted and named, never dropped in silence. Where a command takes an \
            annotation file, - means standard input.

            Pictures are found by one rule in all commands: JPEG, PNG, WebP, GIF, TIFF, HEIC and AVIF, as \
            far as libvips reads them here (fvlm doctor shows it). Orientation by EXIF is applied.
            """)

    private static let formats = HelpTopic(
        name: "formats", abstract: "Files that are read and written.",
        text: """
            Data sets: coco, lvis, yolo, voc, labelstudio, cvat, labelme, via, openimages, fiftyone, supervisely \
            (fvlm convert-dataset --from, --to).

            Detections (fvlm detect --format): table, json (an object a picture and line), coco (a results file, \
            which fvlm score reads), labelstudio, cvat, voc, yolo. Boxes are x, y, width, height in pixels of the \
            upright picture. Masks are COCO's compressed run lengths.

            Weights: safetensors; PyTorch's .pt, .pth and .bin, also TorchScript and detectron2's .pkl; sharded \
            files of Hugging Face; Flax checkpoints. Reading them runs no code. fvlm inspect lists the tensors.

            A detector is a folder: detector.yaml (settings), detector.safetensors (trained weights), and its CLIP \
            in the folder or by a path. vocabulary.safetensors and calibration.json may lie beside.
            """)

    private static let training = HelpTopic(
        name: "training", abstract: "From annotated pictures to a detector of one's own.",
        text: """
            A training needs annotations, pictures, a CLIP, and a configuration:

              preset: vit-small
              detector: {clip: clip-vit-base-patch32}
              data: {annotations: train.json, images: train, batchSize: 4}
              run: {steps: 1000}

              fvlm check-dataset train.json --images train
              fvlm train config.yaml --output runs/first
              fvlm evaluate --model runs/first/model --annotations val.json --images val

            CLIP stays as it is; the heads are trained. fvlm train --defaults prints all settings with what they do, \
            --set key=value changes one. --resume continues after an interruption to the same weights. fvlm cache \
            stores what CLIP makes of the pictures, so that steps take less time. --processes shares a training among \
            processes of a machine; torchrun, Slurm and mpirun do so over several.
            """)

    private static let scores = HelpTopic(
        name: "scores", abstract: "What a score is made of, and thresholds.",
        text: """
            Each region is compared with the text of each class twice: by the trained head, and by CLIP's own pooling \
            of the region. The score is the weighted geometric mean of both; CLIP's weight is scoring.baseWeight \
            for classes that were trained on, and the greater scoring.novelWeight for all others (in detector.yaml).

            Scores are not probabilities, and good boxes of novel classes may have low ones.

              --score-threshold 0.3     drops what scores at or below
              --suggest-threshold       says where scores part probable objects from the rest
              fvlm calibrate            fits scores and thresholds to annotated pictures
              --calibrated              maps scores by that: the share of detections that are right
              --threshold best          keeps what reaches the threshold of its class or group

            fvlm analyze shows the thresholds of the best F1 and how well scores are calibrated.
            """)

    private static let devices = HelpTopic(
        name: "devices", abstract: "The processor and GPUs, precision and threads.",
        text: """
            --device auto (the default) takes a GPU on which a small computation comes out right, otherwise the \
            processor; cpu, cuda, cuda:1 and mps name one. A device that is named and not there is an error. fvlm \
            doctor shows what is built in and what works.

            --precision bfloat16 halves memory; it is faster where the processor or GPU has products of that type. \
            --precision int8 computes most products in bytes, on processors that have such products, once fvlm quantize has \
            looked at some pictures with the detector. --tf32 lets NVIDIA's GPUs shorten float32. --threads says how many threads compute on the processor; 0, \
            the default, is one per processor.

            --profile shows where the time goes.
            """)

    private static let shards = HelpTopic(
        name: "shards", abstract: "Many pictures, several processes, interruptions.",
        text: """
            fvlm detect, index and embed image take tar archives as they are, with ranges in braces:

              fvlm detect 'shards/{000000..000999}.tar' --model detector --classes lvis --into found --shard 3/16
              fvlm merge-results found --output all.jsonl

            --into works shard by shard and leaves a record of each; shards with a record are skipped, so that the same \
            command goes on after an interruption. --shard i/n is this process's share; without it RANK and WORLD_SIZE \
            (torchrun), Slurm's or OpenMPI's variables say so. fvlm merge-results joins the results in order and \
            finds what is missing.

            Without --into, fvlm detect --results FILE --resume and fvlm evaluate --results FILE --resume continue what \
            was interrupted.
            """)

    private static let output = HelpTopic(
        name: "output", abstract: "Results, messages, exit status; use in scripts.",
        text: """
            Results go to standard output or to a file, messages to standard error. --json makes results an object, or \
            one a line. Files are written whole or not at all, and none replaces an input.

              --quiet              no notes and no progress; errors are written
              --verbose            what a detector is made of; time and memory at the end
              --log-format json    messages as objects, one a line: time, level, message

            A bar of progress is drawn only on a terminal; elsewhere a line is written every ten seconds. Nothing is \
            colored, with NO_COLOR or without. TERM=dumb keeps lines from being drawn again.

            Exit status: 0 all is done; 64 wrong usage; 65 bad data, also pictures that annotations name and that are \
            missing; 1 anything else, also when pictures were left out that cannot be read.
            """)

    private static let environment = HelpTopic(
        name: "environment", abstract: "Variables that commands read.",
        text: """
              HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME
                  where models given by name are: the first that is set, otherwise
                  ~/.cache/huggingface/hub
              HF_ENDPOINT, HF_TOKEN
                  the server that --download asks, and the token for it
              RANK, WORLD_SIZE, LOCAL_RANK
                  the place of this process among several (torchrun); also
                  SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID, SLURM_JOB_ID,
                  SLURM_STEP_NODELIST, SLURM_NODELIST, OMPI_COMM_WORLD_RANK,
                  OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_RANK,
                  OMPI_COMM_WORLD_LOCAL_SIZE, LOCAL_WORLD_SIZE
              MASTER_ADDR, MASTER_PORT, GLOO_SOCKET_IFNAME
                  where the processes of a training meet, and the network
                  interface that they use
              FVLM_FFMPEG
                  the path of ffmpeg, otherwise looked for on the PATH
              TERM, COLUMNS
                  dumb: no line is drawn again; the width of help texts
              CUBLAS_WORKSPACE_CONFIG
                  set by a training with run.isDeterministic unless it is
              PYTORCH_ENABLE_MPS_FALLBACK
                  1 unless it is set: what Apple's GPU cannot do, the processor does
              GOMP_SPINCOUNT, OMP_WAIT_POLICY
                  0 unless one of them is set: threads that wait sleep, which leaves
                  processors to others; alone a detection takes a tenth longer

            fvlm looks for fvlm-networks beside itself, then on the PATH.
            """)
}

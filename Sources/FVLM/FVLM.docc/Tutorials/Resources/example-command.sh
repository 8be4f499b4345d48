mkdir -p runs/first
grep -v cheese Examples/EmojiScenes/Samples/classes.txt > runs/first/others.txt
fvlm vocabulary build --classes-file runs/first/others.txt --model Models/emoji-clip --output runs/first/others.safetensors
fvlm vocabulary examples --image Examples/EmojiScenes/Samples/000009.jpg --box 113,153,117,85 --name "our cheese" \
    --model Models/emoji-detector --vocabulary runs/first/others.safetensors --keep --output runs/first/cheese.safetensors
fvlm detect Examples/EmojiScenes/Samples/000015.jpg --model Models/emoji-detector --vocabulary runs/first/cheese.safetensors \
    --score-threshold 0.5
